import type { Schemas } from '@/api/client'

export type Placement = Schemas['Placement']
type PageSize = Schemas['PageSize']

/** A rectangle on a page as it is shown, from its top-left corner, in thousandths of a point. */
export interface Box {
  left: number
  top: number
  width: number
  height: number
}

export interface Size {
  width: number
  height: number
}

/** A page's size as it is shown: its rotation applied. */
export function shownSize(page: PageSize): Size {
  return page.rotation % 180 === 0
    ? { width: page.width, height: page.height }
    : { width: page.height, height: page.width }
}

/** Where a placement, which is in the page's own space (upwards, not rotated, its origin anywhere), is seen. */
export function toShown(placement: Placement, page: PageSize): Box {
  const [x1, x2] = [placement.x1 - page.left, placement.x2 - page.left]
  const [y1, y2] = [placement.y1 - page.bottom, placement.y2 - page.bottom]
  const { width, height } = page
  switch (page.rotation) {
    case 90:
      return { left: y1, top: x1, width: y2 - y1, height: x2 - x1 }
    case 180:
      return { left: width - x2, top: y1, width: x2 - x1, height: y2 - y1 }
    case 270:
      return { left: height - y2, top: width - x2, width: y2 - y1, height: x2 - x1 }
    default:
      return { left: x1, top: height - y2, width: x2 - x1, height: y2 - y1 }
  }
}

/** The placement that is seen at `box`: whole thousandths, wholly on the page. */
export function toPlacement(box: Box, number: number, page: PageSize): Placement {
  const { x1, y1, x2, y2 } = fromCorner(within(box, shownSize(page)), page)
  return { page: number, x1: x1 + page.left, y1: y1 + page.bottom, x2: x2 + page.left, y2: y2 + page.bottom }
}

/** A shown box in the page's own directions, from the bottom-left corner of what is seen of the page. */
function fromCorner({ left, top, width: across, height: down }: Box, { width, height, rotation }: PageSize) {
  switch (rotation) {
    case 90:
      return { x1: top, y1: left, x2: top + down, y2: left + across }
    case 180:
      return { x1: width - left - across, y1: top, x2: width - left, y2: top + down }
    case 270:
      return { x1: width - top - down, y1: height - left - across, x2: width - top, y2: height - left }
    default:
      return { x1: left, y1: height - top - down, x2: left + across, y2: height - top }
  }
}

/** The box moved, and if need be made smaller in proportion, so that it lies on the page; in whole thousandths. */
export function within(box: Box, page: Size): Box {
  const scale = Math.min(1, page.width / box.width, page.height / box.height)
  const width = Math.max(1, Math.floor(box.width * scale + 1e-6))
  const height = Math.max(1, Math.floor(box.height * scale + 1e-6))
  const clamp = (value: number, most: number) => Math.min(Math.max(Math.round(value), 0), most)
  return { left: clamp(box.left, page.width - width), top: clamp(box.top, page.height - height), width, height }
}

/** A box of a size with its centre at a point. */
export function around(x: number, y: number, size: Size): Box {
  return { left: x - size.width / 2, top: y - size.height / 2, ...size }
}

const MILLIMETRE = 72_000 / 25.4

/** A length in thousandths of a point, in whole millimetres. */
export function millimetres(length: number): number {
  return Math.round(length / MILLIMETRE)
}

const STEP = 5_000
const SMALL_STEP = 1_000

/** The box after an arrow key: five points, one with Shift; null for another key. */
export function moved(box: Box, key: string, fine: boolean): Box | null {
  const step = fine ? SMALL_STEP : STEP
  switch (key) {
    case 'ArrowLeft':
      return { ...box, left: box.left - step }
    case 'ArrowRight':
      return { ...box, left: box.left + step }
    case 'ArrowUp':
      return { ...box, top: box.top - step }
    case 'ArrowDown':
      return { ...box, top: box.top + step }
    default:
      return null
  }
}
