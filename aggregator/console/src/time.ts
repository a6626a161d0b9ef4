import { ref } from 'vue'

const clock = new Intl.DateTimeFormat('zh-CN', { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false })
const dayAndClock = new Intl.DateTimeFormat('zh-CN', {
  month: '2-digit',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hour12: false,
})

const yearDayAndClock = new Intl.DateTimeFormat('zh-CN', { dateStyle: 'short', timeStyle: 'medium', hour12: false })

/** The time, every second: what a page says of "today" and of minutes left stays true while it is open. */
export const now = ref(Date.now())
setInterval(() => (now.value = Date.now()), 1_000)

const today = ref(new Date().toDateString())
setInterval(() => (today.value = new Date().toDateString()), 1_000)

/** Time of day; with the date when it is not today, and the year when it is another. */
export function shortTime(moment: string): string {
  const date = new Date(moment)
  if (date.toDateString() === today.value) return clock.format(date)
  return (String(date.getFullYear()) === today.value.slice(-4) ? dayAndClock : yearDayAndClock).format(date)
}

/** Day and time of day, whatever day it is: for what is printed and kept. */
export const longTime = (moment: string): string => yearDayAndClock.format(new Date(moment))

const UNITS = [
  [86400, 'day'],
  [3600, 'hour'],
  [60, 'minute'],
  [1, 'second'],
] as const

/** How many of the largest unit that a span fills. */
export function largestUnit(seconds: number): { n: number; unit: 'day' | 'hour' | 'minute' | 'second' } {
  const [size, unit] = UNITS.find(([size]) => Math.abs(seconds) >= size) ?? [1, 'second' as const]
  return { n: Math.round(Math.abs(seconds) / size), unit }
}
