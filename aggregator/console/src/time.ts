const clock = new Intl.DateTimeFormat('zh-CN', { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false })
const dayAndClock = new Intl.DateTimeFormat('zh-CN', {
  month: '2-digit',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hour12: false,
})

/** Time of day; with the date when it is not today. */
export function shortTime(moment: string): string {
  const date = new Date(moment)
  return date.toDateString() === new Date().toDateString() ? clock.format(date) : dayAndClock.format(date)
}

/** A span with its sign in the largest unit that it fills: +3 h, −2 d. */
export function shortSpan(seconds: number): string {
  const units: [number, string][] = [
    [86400, 'd'],
    [3600, 'h'],
    [60, 'min'],
    [1, 's'],
  ]
  const [size, unit] = units.find(([size]) => Math.abs(seconds) >= size) ?? [1, 's']
  return `${seconds < 0 ? '−' : '+'}${Math.round(Math.abs(seconds) / size).toString()} ${unit}`
}
