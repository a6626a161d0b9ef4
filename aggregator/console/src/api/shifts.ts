import { call } from './client'
import type { components } from './schema'

export type Post = components['schemas']['Post']
export type Shift = components['schemas']['Shift']

const post = (name: string) => `/posts/${encodeURIComponent(name)}`

export const posts = () => call<Post[]>('/posts')
export const shifts = (name: string) => call<Shift[]>(`${post(name)}/shifts`)
export const signOn = (name: string) => call<Shift>(`${post(name)}/sign-on`, {})
export const handOver = (name: string, note: string) => call<Shift>(`${post(name)}/hand-over`, { note })
export const endShift = (name: string, id: number, note: string) => call<Shift>(`${post(name)}/shifts/${id}/end`, { note })
