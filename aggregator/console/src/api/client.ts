import type { Alert, AlertPage, Box, BroughtPage, DesiredSection, Me, UnconfirmedNow, Verdict, WatchedLine } from './types'

/** The server refused, or could not be reached; the message is the server's own where it gave one. */
export class ApiError extends Error {
  constructor(
    message: string,
    readonly status = 0,
  ) {
    super(message)
  }
}

/** Ask the API. Without a body, and without a method, it is a question. */
export async function call<T>(
  path: string,
  body?: unknown,
  method = body === undefined ? 'GET' : 'POST',
  headers: Record<string, string> = {},
): Promise<T> {
  let response: Response
  try {
    response = await fetch(`/api/v1${path}`, {
      method,
      headers: body === undefined ? headers : { 'content-type': 'application/json', ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    })
  } catch {
    throw new ApiError('network')
  }
  if (!response.ok) {
    const answer: unknown = await response.json().catch(() => null)
    const detail = answer && typeof answer === 'object' && 'detail' in answer ? answer.detail : null
    throw new ApiError(typeof detail === 'string' ? detail : `HTTP ${response.status}`, response.status)
  }
  return (response.status === 204 ? null : await response.json()) as T
}

/** The path of a box. */
export const box = (site: string, agent: string) => `/boxes/${encodeURIComponent(site)}/${encodeURIComponent(agent)}`

export const openAlerts = (before?: number) =>
  call<AlertPage>(`/alerts?open=true&limit=200${before === undefined ? '' : `&before=${before}`}`)
export const recentAlerts = () => call<AlertPage>('/alerts?limit=100')
/** `polls`: the page asks by itself; that keeps nobody signed in. */
export const boxes = (polls = false) => call<Box[]>('/boxes', undefined, 'GET', polls ? { 'hawkline-polls': '1' } : {})
export const acknowledge = (id: number) => call<Alert>(`/alerts/${id}/acknowledge`, {})
export const clear = (id: number, verdict: Verdict) => call<Alert>(`/alerts/${id}/clear`, { verdict })
export const reopen = (id: number) => call<Alert>(`/alerts/${id}/reopen`, {})
export const correct = (id: number, verdict: Verdict, why: string) => call<Alert>(`/alerts/${id}/correct`, { verdict, why })
export const lines = (site: string, agent: string) => call<WatchedLine[]>(`${box(site, agent)}/lines`)
export const desired = (site: string, agent: string) => call<DesiredSection[]>(`${box(site, agent)}/desired`)
export const arm = (site: string, agent: string, line: WatchedLine, armed: boolean | null) =>
  call<unknown>(`${box(site, agent)}/arming`, { camera: line.camera, name: line.name, armed }, 'PUT')
export const confirmView = (site: string, agent: string, camera: string) =>
  call<unknown>(`${box(site, agent)}/views`, { camera }, 'PUT')
export const unconfirmedLines = () =>
  call<UnconfirmedNow>('/coverage/now?limit=100', undefined, 'GET', { 'hawkline-polls': '1' })
export const me = () => call<Me>('/me')
export const broughtPages = () => call<BroughtPage[]>('/pages')
