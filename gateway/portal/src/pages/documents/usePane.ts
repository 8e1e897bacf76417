import { computed, nextTick, onBeforeUnmount, onMounted, type Ref, shallowRef, watch } from 'vue'
import { type Area, type PageSize } from './geometry'
import { between, layOut, pageAt } from './pageLayout'

interface Look {
  top: number
  height: number
  width: number
}

/**
 * Pages in an element that scrolls: where each lies, which are to be shown, which is being read. Only those near what is seen
 * exist, so that a document of any length costs the same.
 *
 * `column` says how wide the pages are in an element of a width.
 */
export function usePane(
  pane: Readonly<Ref<HTMLElement | null>>,
  pages: () => readonly PageSize[],
  column: (width: number) => number,
  gap: number,
  below = 0,
) {
  const look = shallowRef<Look>({ top: 0, height: 0, width: 0 })
  const layout = computed(() => layOut(pages(), Math.max(column(look.value.width), 40), gap, below))
  const shown = computed(() => {
    const { top, height } = look.value
    return height ? between(layout.value, top - height / 3, top + height * 1.33) : []
  })
  /** The page (1-based) that takes the middle of what is seen. */
  const current = computed(() => pageAt(layout.value, look.value.top + look.value.height * 0.4) + 1)
  /** CSS pixels, where the pages lie in the middle of an element that is wider. */
  const indent = computed(() => Math.max(0, (look.value.width - layout.value.width) / 2))

  function see(): void {
    const element = pane.value
    if (!element) return
    const { scrollTop: top, clientHeight: height, clientWidth: width } = element
    const was = look.value
    if (was.top !== top || was.height !== height || was.width !== width) look.value = { top, height, width }
  }

  /** Where a page lies in what scrolls. */
  function place(number: number): Area | null {
    const area = layout.value.areas[number - 1]
    return area ? { ...area, left: area.left + indent.value } : null
  }

  /** Where a page is on the screen now, be it seen or not. */
  function surface(number: number): Area | null {
    const [element, area] = [pane.value, place(number)]
    if (!element || !area) return null
    const seen = element.getBoundingClientRect()
    return {
      ...area,
      left: seen.left + element.clientLeft - element.scrollLeft + area.left,
      top: seen.top + element.clientTop - element.scrollTop + area.top,
    }
  }

  /** The number of the page at a height of the screen, or of the nearest one. */
  function numberAt(y: number): number {
    const element = pane.value
    if (!element) return 1
    return pageAt(layout.value, y - element.getBoundingClientRect().top - element.clientTop + element.scrollTop) + 1
  }

  /** Scroll to a page, or to a part of it, in CSS pixels of what scrolls. */
  async function show(number: number, part?: Area): Promise<void> {
    await nextTick()
    const [element, area] = [pane.value, part ?? place(number)]
    if (!element || !area) return
    const top = part ? part.top + part.height / 2 - element.clientHeight / 2 : area.top - gap
    element.scrollTo(part ? { top, left: area.left + area.width / 2 - element.clientWidth / 2 } : { top })
    see()
  }

  // When pages become larger or smaller, what was in the middle stays there.
  watch(layout, async (now, before) => {
    const element = pane.value
    const middle = look.value.top + look.value.height * 0.4
    const index = pageAt(before, middle)
    const [was, is] = [before.areas[index], now.areas[index]]
    if (!element?.scrollTop || !was || !is || before.width === now.width) return
    const share = (middle - was.top) / was.height
    const across = (element.scrollLeft + element.clientWidth / 2) / Math.max(before.width, element.clientWidth)
    await nextTick()
    element.scrollTo({
      top: is.top + share * is.height - element.clientHeight * 0.4,
      left: across * Math.max(now.width, element.clientWidth) - element.clientWidth / 2,
    })
    see()
  })

  const resized = new ResizeObserver(see)
  onMounted(() => {
    if (pane.value) resized.observe(pane.value)
    see()
  })
  onBeforeUnmount(() => {
    resized.disconnect()
  })

  return { layout, shown, current, see, place, surface, numberAt, show }
}
