/** What the aggregator's API returns, by its OpenAPI document: `./run check` writes `schema.d.ts` anew from it. */
import type { components } from './schema'

type Schemas = components['schemas']

export type Alert = Schemas['Alert']
export type AlertPage = Schemas['AlertPage']
export type Verdict = NonNullable<Alert['verdict']>
/** A line or zone; without an order (null) it is armed as configured on its box. */
export type WatchedLine = Schemas['WatchedLine']
export type UnconfirmedLine = Schemas['UnconfirmedLine']
export type UnconfirmedNow = Schemas['UnconfirmedNow']
export type DesiredSection = Schemas['DesiredSection']
export type Box = Omit<Schemas['Box'], 'health'> & { health: Health | null }
export type PresenceState = Box['state']
export type Trouble = Box['troubles'][number]

/** A heartbeat as the box sent it (`shared/events.py`), and the document says no more of it. What is 0 or empty is left out. */
export interface Health {
  uptime_s: number
  cameras?: CameraHealth[]
  waiting_alarm?: number
  waiting_bulk?: number
  pictures_waiting?: number
  /** Why the box keeps its events in memory; empty where its card takes them. */
  outbox?: string
  /** Why there are no looks, where some were asked for. */
  looks?: { why?: string }
  disk_free_bytes?: number
  cpu_temperature_c?: number
  load_1m?: number
}

export interface CameraHealth {
  name: string
  state: string
  fps?: number
  dropped?: number
  frames?: number
  detail?: string
}

/** A page that another distribution brings. */
export type Me = Schemas['Me']
export type BroughtPage = Schemas['PageRow']

/** A message of the feed. */
export interface AlertMessage {
  change: 'raised' | 'recorded' | 'escalated' | 'joined' | 'ended' | 'acknowledged' | 'cleared' | 'reopened' | 'corrected' | 'pictured'
  alert: Alert
}
