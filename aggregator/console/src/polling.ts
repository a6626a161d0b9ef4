import { onMounted, onUnmounted, type Ref } from 'vue'

/** Ask again and again while the page is looked at and does nothing else; what fails is asked at the next turn. */
export function usePolling(ask: () => Promise<unknown>, everyMs: number, busy: Ref<boolean>): void {
  let timer = 0
  onMounted(() => {
    timer = window.setInterval(() => {
      if (!document.hidden && !busy.value) void ask().catch(() => undefined)
    }, everyMs)
  })
  onUnmounted(() => window.clearInterval(timer))
}
