import { box, call } from './client'
import type { components } from './schema'

export type Sensor = components['schemas']['Sensor']
export type Partition = components['schemas']['Partition']
export type Bypass = components['schemas']['Bypass']
export type Deed = components['schemas']['PartitionDeed']
export type Way = components['schemas']['BypassWay']

/** `polls`: the page asks by itself; that keeps nobody signed in. */
const asked = (polls: boolean): Record<string, string> => (polls ? { 'hawkline-polls': '1' } : {})
/** Why, for the audit. */
const because = (why: string): Record<string, string> => (why ? { 'hawkline-reason': encodeURIComponent(why) } : {})

export const sensors = (polls = false) => call<Sensor[]>('/sensors', undefined, 'GET', asked(polls))
export const partitions = (polls = false) => call<Partition[]>('/partitions', undefined, 'GET', asked(polls))
export const bypasses = (polls = false) => call<Bypass[]>('/bypasses?limit=1000', undefined, 'GET', asked(polls))
export const order = (of: Partition, deed: Deed, without: string[] = [], why = '') =>
  call<unknown>(`${box(of.site, of.agent)}/partitions`, { partition: of.partition, deed, without }, 'PUT', because(why))
export const test = (of: Sensor) => call<unknown>(`${box(of.site, of.agent)}/partitions`, { partition: of.sensor, deed: 'test' }, 'PUT')
export const bypass = (of: Sensor, way: Way, hours: number, reason: string) =>
  call<Bypass>(`${box(of.site, of.agent)}/bypasses`, { sensor: of.sensor, way, hours, reason })
export const endBypass = (number: number) => call<Bypass>(`/bypasses/${number}/end`, {})
