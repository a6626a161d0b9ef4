import { call } from './client'
import type { components } from './schema'

export type PlateList = components['schemas']['PlateList']
export type ListAtBox = components['schemas']['ListAtBox']
export type LookedAt = components['schemas']['LookedAt']
export type Cordon = components['schemas']['Cordon']
export type NewList = components['schemas']['NewList']
export type NewCordon = components['schemas']['NewCordon']

/** `polls`: the page asks by itself; that keeps nobody signed in. */
const asked = (polls: boolean): Record<string, string> => (polls ? { 'hawkline-polls': '1' } : {})

/** All that are not over, and the newest of those that are. */
async function newest<T extends { number: number }>(path: string, polls: boolean): Promise<T[]> {
  const [open, all] = await Promise.all([
    call<T[]>(`${path}?limit=1000`, undefined, 'GET', asked(polls)),
    call<T[]>(`${path}?over=true&limit=20`, undefined, 'GET', asked(polls)),
  ])
  const there = new Set(open.map((one) => one.number))
  return [...open, ...all.filter((one) => !there.has(one.number))]
}

export const lists = (polls = false) => newest<PlateList>('/lists', polls)
export const boxesOf = (number: number, polls = false) => call<ListAtBox[]>(`/lists/${number}/boxes`, undefined, 'GET', asked(polls))
export const draw = (list: Partial<NewList>) => call<PlateList>('/lists', list)
export const submit = (number: number) => call<PlateList>(`/lists/${number}/submit`, {})
export const decide = (list: PlateList, approved: boolean, why: string) =>
  call<PlateList>(`/lists/${list.number}/decide`, { approved, version: list.version, why })
export const withdraw = (number: number, why: string) => call<PlateList>(`/lists/${number}/withdraw`, { why })
/** `entry`: of a hit; all where none is named. */
export const look = (number: number, purpose: string, entry?: number) =>
  call<LookedAt>(`/lists/${number}/look`, { purpose, ...(entry === undefined ? {} : { entry }) })

export const cordons = (polls = false) => newest<Cordon>('/cordons', polls)
export const startCordon = (cordon: Partial<NewCordon>) => call<Cordon>('/cordons', cordon)
export const confirmCordon = (number: number) => call<Cordon>(`/cordons/${number}/confirm`, {})
export const endCordon = (number: number, why: string) => call<Cordon>(`/cordons/${number}/end`, { why })

export const places = () => call<components['schemas']['Place'][]>('/places')
