import { call } from './client'
import type { components } from './schema'

export type BoxRollout = components['schemas']['BoxRollout']
export type Version = components['schemas']['ConfigurationVersion']
type Configuration = components['schemas']['BoxConfiguration']

const of = (box: BoxRollout) => `/configurations/${encodeURIComponent(box.site)}/${encodeURIComponent(box.agent)}`

/** `polls`: the page asks by itself; that keeps nobody signed in. */
export const rollout = (polls = false) => call<BoxRollout[]>('/rollout', undefined, 'GET', polls ? { 'hawkline-polls': '1' } : {})
export const versions = (box: BoxRollout) => call<Version[]>(`${of(box)}/versions`)

/** Have a box watch what it watched under an earlier configuration, put anew; `number` 0 is the file on the box itself. */
export async function back(box: BoxRollout, number: number, why: string): Promise<void> {
  const files = number === 0 ? {} : (await call<Configuration>(`${of(box)}?number=${number}`)).files
  const wanted = { site: box.site, agent: box.agent, based_on: box.wanted, files }
  await call<unknown>('/configurations', { why, boxes: [wanted] }, 'PUT')
}
