import { dataUrl } from './binary'
import { call } from './client'
import type { components } from './schema'

export type Export = components['schemas']['Export']
type Case = components['schemas']['Case']
/** left, top, right, bottom: 0 to 1 of a picture's sides. */
export type Area = [number, number, number, number]

/** Ask for one, in a case of its own: what one looks back for is another matter. */
export async function ask(sha256: string, purpose: string, recipient: string, areas: Area[]): Promise<Export> {
  const { id } = await call<Case>('/cases', { purpose })
  try {
    return await call<Export>('/exports', { sha256, case: id, recipient, areas })
  } finally {
    await call<null>(`/cases/${id}/close`, {})
  }
}

/** The newest of one's own of a picture that was not given up. */
export const newestOf = async (sha256: string): Promise<Export | undefined> =>
  (await call<Export[]>('/exports?limit=200')).find((one) => one.sha256 === sha256 && one.state !== 'failed')
export const show = (id: number) => call<Export>(`/exports/${id}`, undefined, 'GET', { 'hawkline-polls': '1' })
export const giveUp = (id: number) => call<null>(`/exports/${id}`, undefined, 'DELETE')

/** The picture itself, to be looked at, or as it leaves: the audit has both, as what they are. */
export const picture = (id: number, leaves: boolean): Promise<string> => dataUrl(`/exports/${id}/picture${leaves ? '?take=true' : ''}`)
