import { computed, reactive, readonly } from 'vue'

import * as api from '../api/client'
import type { Alert, AlertPage, Box, Verdict } from '../api/types'
import { ring } from './sound'
import { followFeed } from './stream'

/** Cleared alerts stay on the page up to this number, so that an operator sees what was just done. */
const KEPT_CLEARED = 50
const RELOAD_MS = 2_000

const state = reactive({
  streaming: false,
  loaded: false,
  everTrusted: false,
  alerts: new Map<number, Alert>(),
  boxes: new Map<string, Box>(),
})

export const feed = readonly(state)

/** Whether the page shows what is, and would hear of what comes. */
export const trusted = computed(() => state.streaming && state.loaded)

/** Open alerts first, unacknowledged before acknowledged, then by priority and time; cleared ones below. */
export const rankedAlerts = computed(() =>
  [...state.alerts.values()].sort(
    (a, b) =>
      Number(a.cleared_at !== null) - Number(b.cleared_at !== null) ||
      Number(a.acknowledged_at !== null) - Number(b.acknowledged_at !== null) ||
      a.priority - b.priority ||
      b.id - a.id,
  ),
)

export const unacknowledged = computed(
  () => [...state.alerts.values()].filter((alert) => !alert.acknowledged_at && !alert.cleared_at).length,
)

export const sortedBoxes = computed(() =>
  [...state.boxes.values()].sort((a, b) => `${a.site}/${a.agent}`.localeCompare(`${b.site}/${b.agent}`)),
)

/** How far an alert has come; a page that was fetched before a message must not take it back. */
const stage = (alert: Alert) => (alert.cleared_at ? 2 : alert.acknowledged_at ? 1 : 0)

function put(alert: Alert): void {
  const known = state.alerts.get(alert.id)
  if (known && stage(known) > stage(alert)) return
  state.alerts.set(alert.id, alert)
  const cleared = [...state.alerts.values()].filter((other) => other.cleared_at).sort((a, b) => a.id - b.id)
  for (const old of cleared.slice(0, Math.max(0, cleared.length - KEPT_CLEARED))) state.alerts.delete(old.id)
}

function putBox(box: Box): void {
  state.boxes.set(`${box.site}/${box.agent}`, box)
}

/** Until the present state has been loaded the page must not look calm. */
async function reload(): Promise<void> {
  state.loaded = false
  const before = new Set(state.alerts.keys())
  try {
    const [recent, boxes] = await Promise.all([api.recentAlerts(), api.boxes()])
    recent.alerts.forEach(put)
    boxes.forEach(putBox)
    const there = new Set(recent.alerts.map((alert) => alert.id))
    for (let next: number | null | undefined; next !== null; ) {
      const page: AlertPage = await api.openAlerts(next)
      page.alerts.forEach(put)
      page.alerts.forEach((alert) => there.add(alert.id))
      next = page.next_before
    }
    // Neither open nor recent any more: it was cleared while we did not listen.
    for (const id of before) if (!there.has(id)) state.alerts.delete(id)
    state.loaded = true
    state.everTrusted = true
  } catch {
    setTimeout(() => void reload(), RELOAD_MS)
  }
}

/** Box states change rarely and come by the feed; their figures are fetched while somebody looks. */
export async function refreshBoxes(): Promise<void> {
  try {
    ;(await api.boxes()).forEach(putBox)
  } catch {
    // The banner already tells when the server is gone.
  }
}

export async function acknowledge(alert: Alert, by: string): Promise<void> {
  put(await api.acknowledge(alert.id, by))
}

export async function clear(alert: Alert, by: string, verdict: Verdict): Promise<void> {
  put(await api.clear(alert.id, by, verdict))
}

export function start(): () => void {
  return followFeed({
    alert(message) {
      put(message.alert)
      if (message.change === 'raised') ring(message.alert.priority)
    },
    box: putBox,
    reload: () => void reload(),
    connected(yes) {
      state.streaming = yes
      if (!yes) state.loaded = false
    },
  })
}
