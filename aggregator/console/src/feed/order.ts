import { computed, ref, type ComputedRef, type Ref } from 'vue'

import type { Alert } from '../api/types'
import { now } from '../time'

/** So long after the pointer's last movement over the list cards stay where they are. */
const HELD_MS = 10_000

/** The list as it is shown: while the operator aims at a card with the pointer no card moves; new ones wait above. */
export function useOrder(ranked: Ref<Alert[]>): {
  shown: ComputedRef<Alert[]>
  waiting: ComputedRef<number>
  aim: () => void
  release: () => void
} {
  const aimedAt = ref(0)
  const held = computed(() => now.value - aimedAt.value < HELD_MS)
  let order: number[] = []
  const shown = computed(() => {
    const alerts = new Map(ranked.value.map((alert) => [alert.id, alert]))
    if (!held.value) order = [...alerts.keys()]
    return order.map((id) => alerts.get(id)).filter((alert) => alert !== undefined)
  })
  return {
    shown,
    waiting: computed(() => ranked.value.length - shown.value.length),
    aim: () => (aimedAt.value = Date.now()),
    release: () => (aimedAt.value = 0),
  }
}
