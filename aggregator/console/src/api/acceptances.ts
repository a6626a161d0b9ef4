import { call } from './client'
import type { components } from './schema'

export type Point = components['schemas']['AcceptancePoint']

const of = (site: string) => `/acceptances/${encodeURIComponent(site)}`

/** Places at which boxes stand: what lies above them is no site. */
export async function sites(): Promise<components['schemas']['Place'][]> {
  const all = await call<components['schemas']['Place'][]>('/places')
  const above = new Set(all.map((each) => each.above))
  return all.filter((each) => each.boxes > 0 && !above.has(each.name))
}

/** `polls`: the page asks by itself; that keeps nobody signed in. */
export const points = (site: string, polls = false) =>
  call<Point[]>(of(site), undefined, 'GET', polls ? { 'hawkline-polls': '1' } : {})
export const record = ({ site, agent, kind, camera, name }: Point, passed: boolean, note: string) =>
  call<Point>(of(site), { agent, kind, camera, name, passed, note })
