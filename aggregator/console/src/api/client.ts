import type { Alert, AlertPage, Box, Verdict } from './types'

/** The server refused, or could not be reached; the message is the server's own where it gave one. */
export class ApiError extends Error {}

async function call<T>(path: string, body?: unknown): Promise<T> {
  let response: Response
  try {
    response = await fetch(`/api/v1${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: body === undefined ? {} : { 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    })
  } catch {
    throw new ApiError('network')
  }
  if (!response.ok) {
    const answer: unknown = await response.json().catch(() => null)
    const detail = answer && typeof answer === 'object' && 'detail' in answer ? answer.detail : null
    throw new ApiError(typeof detail === 'string' ? detail : `HTTP ${response.status}`)
  }
  return (await response.json()) as T
}

export const openAlerts = (before?: number) =>
  call<AlertPage>(`/alerts?open=true&limit=200${before === undefined ? '' : `&before=${before}`}`)
export const recentAlerts = () => call<AlertPage>('/alerts?limit=100')
export const boxes = () => call<Box[]>('/boxes')
export const acknowledge = (id: number, by: string) => call<Alert>(`/alerts/${id}/acknowledge`, { by })
export const clear = (id: number, by: string, verdict: Verdict) => call<Alert>(`/alerts/${id}/clear`, { by, verdict })
export const pictureUrl = (sha256: string) => `/api/v1/evidence/${sha256}`
