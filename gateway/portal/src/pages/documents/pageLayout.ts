import { type Area, type PageSize, shownSize } from './geometry'

/** How pages lie one below the other, in CSS pixels from the top of them all. */
export interface Layout {
  areas: readonly Area[]
  width: number
  height: number
}

/** Every page as wide as the column, `gap` between them, around them all, and `below` each of them. */
export function layOut(pages: readonly PageSize[], width: number, gap: number, below = 0): Layout {
  let top = gap
  const areas = pages.map((page) => {
    const size = shownSize(page)
    const area = { left: gap, top, width, height: (width * size.height) / size.width }
    top += area.height + below + gap
    return area
  })
  return { areas, width: width + 2 * gap, height: Math.max(top, gap) }
}

/** The index of the page at a height, or of the nearest one. */
export function pageAt(layout: Layout, height: number): number {
  let [low, high] = [0, layout.areas.length - 1]
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((layout.areas[middle]?.top ?? 0) <= height) low = middle
    else high = middle - 1
  }
  return Math.max(low, 0)
}

/** The numbers (1-based) of the pages that are seen between two heights. */
export function between(layout: Layout, top: number, bottom: number): number[] {
  if (!layout.areas.length) return []
  const [first, last] = [pageAt(layout, top), pageAt(layout, bottom)]
  return Array.from({ length: last - first + 1 }, (_, index) => first + index + 1)
}

/** The widths in which the platform draws pages; the first is of thumbnails. */
const WIDTHS = [200, 400, 600, 800, 1000, 1400, 2000, 2800]

/** How many pixels wide the image of a page should be: as the screen shows it, a little less when that is near. */
export function imageWidth(width: number, ratio: number): number {
  const wanted = width * Math.min(ratio, 3) * 0.9
  return WIDTHS.slice(1).find((one) => one >= wanted) ?? 2800
}
