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
