import { computed, nextTick, onBeforeUnmount, ref, shallowRef } from 'vue'
import type { Contract } from '../documents/useContracts'
import {
  around,
  type Box,
  moved,
  type Placement,
  shownSize,
  type Size,
  toPlacement,
  toShown,
  within,
} from './placement'

const EDGE = 72
const HEADER = 56
const SCROLL_PER_MS = 0.9

/**
 * The place of the seal: suggested, dragged with mouse or finger from page to page, or moved by keys. `pages` gives the element
 * that shows a page, 1-based; `size` is the seal's natural size.
 */
export function useStamp(
  contract: () => Contract,
  pages: (number: number) => HTMLElement | null,
  size: () => Size,
  settled: (placement: Placement) => void,
) {
  const placement = shallowRef<Placement | null>(null)
  const dragging = ref(false)
  const page = (number: number) => contract().pages[number - 1] ?? contract().pages[0]
  const box = computed<Box | null>(() => {
    const [place, on] = [placement.value, placement.value && page(placement.value.page)]
    return place && on ? toShown(place, on) : null
  })

  function set(number: number, wanted: Box): void {
    const on = page(number)
    if (on) placement.value = toPlacement(wanted, number, on)
  }

  function settle(): void {
    if (placement.value) settled(placement.value)
  }

  /** Where a page's image is on the screen: within the border. */
  function surface(number: number): DOMRect | null {
    const element = pages(number)
    if (!element?.clientHeight) return null
    const { left, top } = element.getBoundingClientRect()
    return new DOMRect(left + element.clientLeft, top + element.clientTop, element.clientWidth, element.clientHeight)
  }

  /** Put it in the middle of a page, or of the part of it that is in view. */
  function put(number: number): void {
    const on = page(number)
    if (!on) return
    const shown = shownSize(on)
    const seen = surface(number)
    let middle = shown.height / 2
    if (seen) {
      const [top, bottom] = [Math.max(seen.top, 0), Math.min(seen.bottom, innerHeight)]
      if (bottom > top) middle = (((top + bottom) / 2 - seen.top) / seen.height) * shown.height
    }
    set(number, around(shown.width / 2, middle, size()))
    settle()
  }

  /** Another seal takes its place, around the same middle. */
  function refit(): void {
    const [place, now] = [placement.value, box.value]
    if (!place || !now) return
    set(place.page, around(now.left + now.width / 2, now.top + now.height / 2, size()))
    settle()
  }

  /** Keys of the seal on the page. */
  function key(event: KeyboardEvent): void {
    const [place, now] = [placement.value, box.value]
    if (!place || !now) return
    const turn = event.key === 'PageDown' ? 1 : event.key === 'PageUp' ? -1 : 0
    if (turn) {
      event.preventDefault()
      turnTo(place.page + turn)
      return
    }
    const next = moved(now, event.key, event.shiftKey)
    if (!next) return
    event.preventDefault()
    set(place.page, next)
    settle()
  }

  /** Take it to the same place of another page. */
  function turnTo(number: number): void {
    const now = box.value
    if (!now || number < 1 || number > contract().pages.length) return
    set(number, now)
    settle()
    void show()
  }

  /** Scroll to it. */
  async function show(): Promise<void> {
    await nextTick()
    const stamp = document.getElementById('stamp')
    stamp?.scrollIntoView({ block: 'start' })
    stamp?.focus({ preventScroll: true })
  }

  // While it is dragged: where the pointer is, and how far from the seal's top-left corner it took hold, as a share of it.
  let pointer = { x: 0, y: 0, id: -1 }
  let hold = { x: 0.5, y: 0.5 }
  let frame = 0
  let last = 0

  function grab(event: PointerEvent): void {
    if (event.button !== 0 || dragging.value) return
    event.preventDefault()
    const seen = (event.currentTarget as HTMLElement).getBoundingClientRect()
    hold = { x: (event.clientX - seen.left) / seen.width, y: (event.clientY - seen.top) / seen.height }
    pointer = { x: event.clientX, y: event.clientY, id: event.pointerId }
    dragging.value = true
    // Not on the element: on its way from page to page it is another one.
    addEventListener('pointermove', move)
    addEventListener('pointerup', drop)
    addEventListener('pointercancel', drop)
    last = performance.now()
    frame = requestAnimationFrame(scroll)
  }

  function move(event: PointerEvent): void {
    if (event.pointerId !== pointer.id) return
    pointer = { ...pointer, x: event.clientX, y: event.clientY }
    carry()
  }

  function carry(): void {
    for (let number = 1; number <= contract().pages.length; number += 1) {
      const on = page(number)
      const seen = surface(number)
      if (!on || !seen || pointer.y < seen.top || pointer.y > seen.bottom) continue
      if (pointer.x < seen.left - EDGE || pointer.x > seen.right + EDGE) return
      const shown = shownSize(on)
      // Off its suggested place it has its natural size.
      const wanted = within({ left: 0, top: 0, ...size() }, shown)
      const left = ((pointer.x - seen.left) / seen.width) * shown.width - hold.x * wanted.width
      const top = ((pointer.y - seen.top) / seen.height) * shown.height - hold.y * wanted.height
      set(number, { ...wanted, left, top })
      return
    }
  }

  // Near the window's edges the pages move along.
  function scroll(now: number): void {
    if (!dragging.value) return
    const way = pointer.y < HEADER + EDGE ? -1 : pointer.y > innerHeight - EDGE ? 1 : 0
    if (way) {
      scrollBy(0, way * SCROLL_PER_MS * Math.min(now - last, 50))
      carry()
    }
    last = now
    frame = requestAnimationFrame(scroll)
  }

  function drop(event: PointerEvent): void {
    if (event.pointerId !== pointer.id) return
    if (event.type === 'pointerup') move(event)
    release()
    settle()
  }

  function release(): void {
    dragging.value = false
    cancelAnimationFrame(frame)
    removeEventListener('pointermove', move)
    removeEventListener('pointerup', drop)
    removeEventListener('pointercancel', drop)
  }
  onBeforeUnmount(release)

  return { placement, box, dragging, put, refit, key, turnTo, show, grab }
}
