import { computed, nextTick, onBeforeUnmount, ref, shallowRef } from 'vue'
import {
  type Area,
  around,
  type Box,
  fromScreen,
  moved,
  onPage,
  type Placement,
  type Point,
  shownSize,
  type Size,
  toPlacement,
  toScreen,
  toShown,
  within,
} from '../documents/geometry'
import type { Contract } from '../documents/useContracts'

/** What shows the pages: `PageViewer`. */
export interface Viewer {
  element: HTMLElement | null
  current: number
  surface: (number: number) => Area | null
  numberAt: (y: number) => number
  show: (number: number, box?: Box) => Promise<void>
}

/** CSS pixels from the upper and lower end of what is seen, where the pages move along with the pointer. */
const EDGE = 56
/** CSS pixels of the window's upper end that the header takes. */
const HEADER = 56
const SCROLL_PER_MS = 0.9
/** CSS pixels: a pointer that moved less pressed, and did not drag. */
const SLACK = 6
/** Milliseconds in which the click that ends a drag comes. */
const CLICK_MS = 120

/**
 * The place of the seal: suggested, pressed on a page, moved by keys, or dragged with mouse or finger from the list and from page
 * to page. `size` is the seal's natural size in thousandths of a point.
 */
export function useStamp(
  contract: () => Contract,
  viewer: () => Viewer | null,
  size: () => Size,
  settled: (placement: Placement) => void,
) {
  const placement = shallowRef<Placement | null>(null)
  const dragging = ref(false)
  /** The seal on its way to the pages, on the screen. */
  const floating = shallowRef<Area | null>(null)
  const page = (number: number) => contract().pages[number - 1]
  const box = computed<Box | null>(() => {
    const [place, on] = [placement.value, placement.value && page(placement.value.page)]
    return place && on ? toShown(place, on) : null
  })

  /** What can be seen of the pages: within their element and the window. */
  function sight(): { left: number; right: number; top: number; bottom: number } | null {
    const seen = viewer()?.element?.getBoundingClientRect()
    if (!seen) return null
    const { left, right, top, bottom } = seen
    return { left, right, top: Math.max(top, HEADER), bottom: Math.min(bottom, innerHeight) }
  }

  function set(number: number, wanted: Box): void {
    const on = page(number)
    if (on) placement.value = toPlacement(wanted, number, on)
  }

  function settle(): void {
    if (placement.value) settled(placement.value)
  }

  /** The seal in its natural size, its middle at a point of a page. */
  function putAt(number: number, at: Point): void {
    const on = page(number)
    if (!on) return
    set(number, around(at, onPage(size(), on)))
    settle()
  }

  /** In the middle of a place: of that size when no other is allowed, else in its natural one. */
  function putIn(place: Placement, exactly: boolean): void {
    const on = page(place.page)
    if (!on) return
    const { left, top, width, height } = toShown(place, on)
    if (!exactly) putAt(place.page, { x: left + width / 2, y: top + height / 2 })
    else {
      placement.value = place
      settle()
    }
  }

  /** In the middle of what is seen of the page that is read. */
  function put(): void {
    const shows = viewer()
    const number = shows?.current ?? 1
    const [on, surface] = [page(number), shows?.surface(number)]
    if (!on) return
    const { width, height } = shownSize(on)
    let middle = height / 2
    const seen = sight()
    if (surface && seen) {
      const [top, bottom] = [Math.max(surface.top, seen.top), Math.min(surface.top + surface.height, seen.bottom)]
      if (bottom > top) middle = fromScreen({ x: 0, y: (top + bottom) / 2 }, on, surface).y
    }
    putAt(number, { x: width / 2, y: middle })
  }

  /** Another seal takes its place, around the same middle. */
  function refit(): void {
    const [place, now] = [placement.value, box.value]
    if (place && now) putAt(place.page, { x: now.left + now.width / 2, y: now.top + now.height / 2 })
  }

  /** Keys of the seal on the page. */
  function key(event: KeyboardEvent): void {
    const [place, now] = [placement.value, box.value]
    const on = place && page(place.page)
    if (!place || !now || !on) return
    const turn = event.key === 'PageDown' ? 1 : event.key === 'PageUp' ? -1 : 0
    const next = turn ? null : moved(now, event.key, event.shiftKey, on)
    if (!turn && !next) return
    event.preventDefault()
    if (turn) turnTo(place.page + turn)
    if (!next) return
    set(place.page, next)
    settle()
    void follow()
  }

  /** Take it to the same place of another page. */
  function turnTo(number: number): void {
    const [now, on] = [box.value, page(number)]
    if (!now || !on) return
    set(number, { ...now, ...onPage(size(), on) })
    settle()
    void show()
  }

  /** What moves out of sight is scrolled to. */
  async function follow(): Promise<void> {
    const [shows, place, now] = [viewer(), placement.value, box.value]
    const on = place && page(place.page)
    const [surface, seen] = [place && shows?.surface(place.page), sight()]
    if (!shows || !on || !now || !surface || !seen) return
    const at = toScreen(now, on, surface)
    const hidden = at.top < seen.top || at.top + at.height > seen.bottom || at.left < seen.left
    if (hidden || at.left + at.width > seen.right) await shows.show(place.page, now)
  }

  /** Scroll to it. */
  async function show(): Promise<void> {
    await nextTick()
    const [place, now] = [placement.value, box.value]
    if (place && now) await viewer()?.show(place.page, now)
    await nextTick()
    document.getElementById('stamp')?.focus({ preventScroll: true })
  }

  // While it is dragged: where the pointer is, how far from the seal's top-left corner it took hold, as a share of it, and where
  // the seal was when it is carried from the list.
  let pointer = { x: 0, y: 0, id: -1 }
  let hold = { x: 0.5, y: 0.5 }
  let lifted: { choose: () => void; before: Placement | null; along: 'x' | 'y' | null } | null = null
  let frame = 0
  let last = 0
  let ended = -CLICK_MS

  /** Take hold of the seal on the page. */
  function grab(event: PointerEvent): void {
    if (event.button !== 0 || pointer.id !== -1) return
    event.preventDefault()
    const seen = (event.currentTarget as HTMLElement).getBoundingClientRect()
    hold = { x: (event.clientX - seen.left) / seen.width, y: (event.clientY - seen.top) / seen.height }
    lifted = null
    ;(event.currentTarget as HTMLElement).focus({ preventScroll: true })
    listen(event)
    drag()
  }

  /**
   * Press a seal of the list; it is carried from there once the pointer moves. `scrolls` is the way in which a finger scrolls the
   * list, and carries nothing.
   */
  function lift(event: PointerEvent, scrolls: 'x' | 'y', choose: () => void): void {
    if (event.button !== 0 || pointer.id !== -1) return
    hold = { x: 0.5, y: 0.5 }
    lifted = { choose, before: placement.value, along: event.pointerType === 'touch' ? scrolls : null }
    listen(event)
  }

  function listen(event: PointerEvent): void {
    pointer = { x: event.clientX, y: event.clientY, id: event.pointerId }
    addEventListener('pointermove', move)
    addEventListener('pointerup', drop)
    addEventListener('pointercancel', drop)
  }

  function drag(): void {
    dragging.value = true
    last = performance.now()
    frame = requestAnimationFrame(scroll)
  }

  function move(event: PointerEvent): void {
    if (event.pointerId !== pointer.id) return
    const across = lifted?.along === 'x' ? 0 : event.clientX - pointer.x
    const down = lifted?.along === 'y' ? 0 : event.clientY - pointer.y
    if (!dragging.value && Math.hypot(across, down) <= SLACK) return
    pointer = { ...pointer, x: event.clientX, y: event.clientY }
    if (!dragging.value) {
      lifted?.choose()
      drag()
    }
    carry()
  }

  function carry(): void {
    const [shows, seen] = [viewer(), sight()]
    if (!shows || !seen) return
    const over = pointer.x >= seen.left && pointer.x <= seen.right && pointer.y >= seen.top && pointer.y <= seen.bottom
    const number = shows.numberAt(Math.min(Math.max(pointer.y, seen.top), seen.bottom - 1))
    const [on, surface] = [page(number), shows.surface(number)]
    if (!on || !surface) return
    const shown = shownSize(on)
    // Off a place of another size it has its natural one.
    const wanted = within({ left: 0, top: 0, ...onPage(size(), on) }, shown)
    if (lifted && !over) {
      placement.value = lifted.before
      const { width, height } = toScreen(wanted, on, surface)
      floating.value = { left: pointer.x - width / 2, top: pointer.y - height / 2, width, height }
      return
    }
    floating.value = null
    const at = fromScreen(pointer, on, surface)
    set(number, { ...wanted, left: at.x - hold.x * wanted.width, top: at.y - hold.y * wanted.height })
  }

  // Near the ends of what is seen the pages move along.
  function scroll(now: number): void {
    const [element, seen] = [viewer()?.element, sight()]
    if (!dragging.value || !element || !seen) return
    const { top, bottom, left, right } = seen
    const beside = pointer.x < left || pointer.x > right || (floating.value && pointer.y > bottom)
    const way = beside ? 0 : pointer.y < top + EDGE ? -1 : pointer.y > bottom - EDGE ? 1 : 0
    if (way) {
      element.scrollTop += way * SCROLL_PER_MS * Math.min(now - last, 50)
      carry()
    }
    last = now
    frame = requestAnimationFrame(scroll)
  }

  function drop(event: PointerEvent): void {
    if (event.pointerId !== pointer.id) return
    const dragged = dragging.value
    if (event.type === 'pointerup' && dragged) move(event)
    else if (dragged && lifted) placement.value = lifted.before
    release()
    if (!dragged) return
    ended = event.timeStamp
    settle()
  }

  function release(): void {
    pointer = { ...pointer, id: -1 }
    dragging.value = false
    floating.value = null
    cancelAnimationFrame(frame)
    removeEventListener('pointermove', move)
    removeEventListener('pointerup', drop)
    removeEventListener('pointercancel', drop)
  }
  onBeforeUnmount(release)

  /** Whether a click is only the end of a drag. */
  const endsDrag = (event: MouseEvent) => event.timeStamp - ended < CLICK_MS

  return { placement, box, dragging, floating, put, putAt, putIn, refit, key, turnTo, show, grab, lift, endsDrag }
}
