import { computed, ref } from 'vue'

import { call } from './api/client'
import type { components } from './api/schema'
import type { Alert } from './api/types'
import { now } from './time'

export type Case = components['schemas']['Case']

/** The server shows pictures of an alert that was cleared without being told what for; a little less, for the way. */
const HANDLED_MS = 14 * 60_000

/** What this browser looks back for; null: it has not been asked yet. */
export const current = ref<Case | null>(null)

/** Whoever has closed one in this tab is asked again, whatever is open in another. */
let closed = false

/** A case that was opened before, in another tab or before a reload, goes on. */
export async function resume(): Promise<void> {
  if (closed) return
  current.value = (await call<Case[]>('/cases'))[0] ?? null
}

export async function open(purpose: string): Promise<void> {
  closed = false
  current.value = await call<Case>('/cases', { purpose })
}

export async function close(): Promise<void> {
  const { id } = current.value ?? {}
  if (id !== undefined) await call<null>(`/cases/${id}/close`, {})
  closed = true
  current.value = null
}

/** Whether one has to say what for: its alert has been over for a while. */
export const isOver = (alert: Alert): boolean =>
  alert.cleared_at !== null && now.value - Date.parse(alert.cleared_at) > HANDLED_MS

/** Of a picture; the case stands with it where one is needed. */
export const pictureUrl = (sha256: string, alert: Alert): string =>
  `/api/v1/evidence/${sha256}${isOver(alert) && current.value ? `?case=${current.value.id}` : ''}`

/** The case, while it is open. */
export const openCase = computed(() =>
  current.value && Date.parse(current.value.ends_at) > now.value ? current.value : null,
)
