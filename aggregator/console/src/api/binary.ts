import { ApiError } from './client'

/** A picture of the API, for the page: its policy lets in no other addresses. */
export async function dataUrl(path: string): Promise<string> {
  let answer: Response
  try {
    answer = await fetch(`/api/v1${path}`)
  } catch {
    throw new ApiError('network')
  }
  if (!answer.ok) throw new ApiError(`HTTP ${answer.status}`, answer.status)
  const content = await answer.blob()
  return new Promise((resolve, reject) => {
    const reader = new FileReader()
    reader.onload = () => resolve(reader.result as string)
    reader.onerror = () => reject(new ApiError('network'))
    reader.readAsDataURL(content)
  })
}
