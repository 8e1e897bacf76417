/** A handwritten signature: strokes of a pen, in pixels of the pad. */
export interface Point {
  x: number
  y: number
}
export type Stroke = Point[]

export const PEN = 3.2
const INK = '#141c3c'
const MARGIN = 4
/** As the platform takes it: at most 2000 pixels a side. */
const LARGEST = 1600

export interface Bounds {
  left: number
  top: number
  width: number
  height: number
}

/** What the strokes cover, their width included; null when nothing was drawn. */
export function bounds(strokes: Stroke[]): Bounds | null {
  const points = strokes.flat()
  if (!points.length) return null
  const xs = points.map((point) => point.x)
  const ys = points.map((point) => point.y)
  const left = Math.floor(Math.min(...xs) - PEN / 2 - MARGIN)
  const top = Math.floor(Math.min(...ys) - PEN / 2 - MARGIN)
  return {
    left,
    top,
    width: Math.ceil(Math.max(...xs) + PEN / 2 + MARGIN) - left,
    height: Math.ceil(Math.max(...ys) + PEN / 2 + MARGIN) - top,
  }
}

/** Whether there is enough of it to be a signature: more than a slip of the finger. */
export function isSignature(strokes: Stroke[]): boolean {
  const covered = bounds(strokes)
  if (!covered) return false
  let length = 0
  for (const stroke of strokes)
    stroke.forEach((point, index) => {
      const before = stroke[index - 1]
      if (before) length += Math.hypot(point.x - before.x, point.y - before.y)
    })
  return length >= 60 && Math.max(covered.width, covered.height) >= 40
}

/** How much larger than drawn the image is made: sharp on paper, and no larger than the platform takes. */
export function scaleOf(covered: Bounds): number {
  return Math.min(3, LARGEST / Math.max(covered.width, covered.height))
}

/** Draws strokes, smoothly through the middle of every two points. */
export function draw(context: CanvasRenderingContext2D, strokes: Stroke[]): void {
  context.lineCap = context.lineJoin = 'round'
  context.lineWidth = PEN
  context.strokeStyle = context.fillStyle = INK
  for (const stroke of strokes) {
    const [first, ...others] = stroke
    if (!first) continue
    context.beginPath()
    if (!others.length) {
      context.arc(first.x, first.y, PEN / 2, 0, 2 * Math.PI)
      context.fill()
      continue
    }
    context.moveTo(first.x, first.y)
    others.forEach((point, index) => {
      const next = others[index + 1]
      if (next) context.quadraticCurveTo(point.x, point.y, (point.x + next.x) / 2, (point.y + next.y) / 2)
      else context.lineTo(point.x, point.y)
    })
    context.stroke()
  }
}

/** The strokes as a PNG on transparent ground, without the empty margin around them. */
export async function image(strokes: Stroke[]): Promise<Blob> {
  const covered = bounds(strokes)
  if (!covered) throw new Error('nothing was drawn')
  const scale = scaleOf(covered)
  const canvas = document.createElement('canvas')
  canvas.width = Math.max(1, Math.round(covered.width * scale))
  canvas.height = Math.max(1, Math.round(covered.height * scale))
  const context = canvas.getContext('2d')
  if (!context) throw new Error('no canvas')
  context.scale(scale, scale)
  context.translate(-covered.left, -covered.top)
  draw(context, strokes)
  return png(canvas)
}

/** A name in type, for who cannot draw. */
export async function typed(name: string): Promise<Blob> {
  const canvas = document.createElement('canvas')
  const font = '144px KaiTi, STKaiti, "Kaiti SC", "Noto Serif CJK SC", serif'
  const measure = canvas.getContext('2d')
  if (!measure) throw new Error('no canvas')
  measure.font = font
  canvas.width = Math.min(LARGEST, Math.ceil(measure.measureText(name).width) + 24)
  canvas.height = 192
  const context = canvas.getContext('2d')
  if (!context) throw new Error('no canvas')
  context.font = font
  context.fillStyle = INK
  context.textBaseline = 'middle'
  context.fillText(name, 12, 98, canvas.width - 24)
  return png(canvas)
}

function png(canvas: HTMLCanvasElement): Promise<Blob> {
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => {
      if (blob) resolve(blob)
      else reject(new Error('no image'))
    }, 'image/png')
  })
}
