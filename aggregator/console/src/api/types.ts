/** What the aggregator's API returns; the OpenAPI document at /api/v1/openapi.json is the reference. */

export type Verdict = 'true' | 'false' | 'test'
export type PresenceState = 'online' | 'silent' | 'unknown'

export interface Alert {
  id: number
  /** What is the matter, such as tripwire, camera_blind, box_silent. */
  condition: string
  priority: 1 | 2 | 3 | 4
  /** With what: line, zone, camera, sensor, box, certificate, service, webhook. */
  subject: string
  site: string
  agent: string
  camera: string
  name: string
  detail: Record<string, string | number>
  first_at: string
  last_at: string
  confirmed_at: string
  raised_at: string
  /** When a condition that clears itself was over. */
  ended_at: string | null
  /** Its subject was under maintenance: it rang nobody. */
  quiet: boolean
  members: number
  acknowledged_at: string | null
  acknowledged_by: string | null
  cleared_at: string | null
  cleared_by: string | null
  verdict: Verdict | null
  /** The first and the newest pictures; `pictures` says how many came in all. */
  evidence: string[]
  pictures: number
  corrected_at: string | null
  corrected_by: string | null
  corrected_why: string | null
}

export interface AlertPage {
  alerts: Alert[]
  next_before: number | null
}

export interface CameraHealth {
  name: string
  state: string
  fps?: number
  dropped?: number
  frames?: number
  detail?: string
}

export interface Health {
  uptime_s: number
  cameras?: CameraHealth[]
  waiting_alarm?: number
  waiting_bulk?: number
  pictures_waiting?: number
  /** Why the box keeps its events in memory; empty where its card takes them. */
  outbox?: string
  disk_free_bytes?: number
  cpu_temperature_c?: number
  load_1m?: number
}

export interface Box {
  site: string
  agent: string
  state: PresenceState
  state_since: string
  last_seen_at: string | null
  born_at: string | null
  session: number
  version: string
  health_interval_s: number
  health: Health | null
  /** Seconds by which the box's clock was ahead at its last heartbeat. */
  clock_off_s: number | null
  /** Numbers of the last seven days that stand for events which will not come. */
  lost: number
  /** Of which bounds of a day it wanted more lately. A server of before does not say. */
  over_limits?: string[]
  /** Why it is under maintenance now. */
  maintenance: string | null
  /** What keeps the box from being counted on, besides its state. */
  troubles: Trouble[]
}

export type Trouble = 'two_lives' | 'card_refuses' | 'disk_full' | 'over_limits'

/** A line or zone; without an order (null) it is armed as configured on its box. */
export interface WatchedLine {
  camera: string
  name: string
  armed: boolean | null
  changed_by: string | null
  changed_at: string | null
}

export interface AlertMessage {
  change: 'raised' | 'recorded' | 'escalated' | 'joined' | 'ended' | 'acknowledged' | 'cleared' | 'reopened' | 'corrected' | 'pictured'
  alert: Alert
}
