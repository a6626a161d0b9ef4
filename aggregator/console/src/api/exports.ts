import { ApiError, call } from './client'
import type { components } from './schema'

export type Export = components['schemas']['Export']
/** left, top, right, bottom: 0 to 1 of a picture's sides. */
export type Area = [number, number, number, number]

export const ask = (sha256: string, of: number, recipient: string, areas: Area[]) =>
  call<Export>('/exports', { sha256, case: of, recipient, areas })
export const show = (id: number) => call<Export>(`/exports/${id}`, undefined, 'GET', { 'hawkline-polls': '1' })
export const giveUp = (id: number) => call<null>(`/exports/${id}`, undefined, 'DELETE')

/** The picture itself: that it was taken stands in the audit, so it is fetched once and kept here. */
export async function take(id: number): Promise<string> {
  const answer = await fetch(`/api/v1/exports/${id}/picture`)
  if (!answer.ok) throw new ApiError(`HTTP ${answer.status}`, answer.status)
  const content = await answer.blob()
  return new Promise((resolve, reject) => {
    const reader = new FileReader()
    reader.onload = () => resolve(reader.result as string)
    reader.onerror = () => reject(new ApiError('network'))
    reader.readAsDataURL(content)
  })
}
