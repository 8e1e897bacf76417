import type { Schemas } from '@/api/client'

/**
 * One place in three spaces:
 * a `Placement` in the PDF: thousandths of a unit of the page's own space (upwards, not rotated, its origin anywhere);
 * a `Box` on the page as it is seen: the same thousandths, from the top-left corner of what is seen;
 * an `Area` of the screen: CSS pixels, on the `Area` that the page's image fills to its edges.
 */
export type Placement = Schemas['Placement']
export type PageSize = Schemas['PageSize']

export interface Box {
  left: number
  top: number
  width: number
  height: number
}
export type Area = Box

export interface Size {
  width: number
  height: number
}

export interface Point {
  x: number
  y: number
}

/** A page's size as it is seen: its rotation applied. */
export function shownSize(page: PageSize): Size {
  return page.rotation % 180 === 0
    ? { width: page.width, height: page.height }
    : { width: page.height, height: page.width }
}

/** Where a placement is seen. */
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

/** Where a box is on the screen, when the page's image fills `surface`. */
export function toScreen(box: Box, page: PageSize, surface: Area): Area {
  const { width, height } = shownSize(page)
  const [across, down] = [surface.width / width, surface.height / height]
  return {
    left: surface.left + box.left * across,
    top: surface.top + box.top * down,
    width: box.width * across,
    height: box.height * down,
  }
}

/** The point of the page that is seen at a point of the screen; off the page when that is. */
export function fromScreen(at: Point, page: PageSize, surface: Area): Point {
  const { width, height } = shownSize(page)
  return {
    x: ((at.x - surface.left) / surface.width) * width,
    y: ((at.y - surface.top) / surface.height) * height,
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
export function around(at: Point, size: Size): Box {
  return { left: at.x - size.width / 2, top: at.y - size.height / 2, ...size }
}

/** A size in thousandths of a point, in those of the page's unit: what is 40 mm on paper is so on this page. */
export function onPage(size: Size, page: PageSize): Size {
  return { width: (size.width * 1000) / page.unit, height: (size.height * 1000) / page.unit }
}

/** A length on a page in millimetres of paper, to a tenth. */
export function millimetres(length: number, page: PageSize): number {
  return Math.round(length * (page.unit / 1000) * (25.4 / 7_200)) / 10
}

const STEPS: Partial<Record<string, Point>> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
}

/** The box after an arrow key: by one point, by ten with Shift; null for another key. */
export function moved(box: Box, key: string, far: boolean, page: PageSize): Box | null {
  const way = STEPS[key]
  if (!way) return null
  const step = ((far ? 10_000 : 1_000) * 1000) / page.unit
  return { ...box, left: box.left + way.x * step, top: box.top + way.y * step }
}
