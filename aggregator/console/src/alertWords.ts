import type { DeepReadonly } from 'vue'
import { useI18n } from 'vue-i18n'

import type { Alert as Told } from './api/types'
import { largestUnit, shortTime } from './time'

type Alert = DeepReadonly<Told>

/** Alarms may have pictures; of what is the matter with a camera, a box or a sensor there are none. */
const PICTURED = new Set(['line', 'zone', 'sensor'])
const SIGHT = /^sight_/
const TROUBLES = new Set(['sensor_tamper', 'sensor_fault', 'sensor_silent'])

/** What pages say of an alert. The words of its condition come with it; a page knows no list of them. */
export function useAlertWords() {
  const { t, te, locale } = useI18n()
  const span = (seconds: number): string => {
    const { n, unit } = largestUnit(seconds)
    return t(`span.${unit}`, { n })
  }

  const condition = (alert: Alert): string => alert.words[locale.value === 'en' ? 'en' : 'zh'] ?? alert.condition

  /** One alert of many subjects that have one cause. */
  const isOfMany = (alert: Alert): boolean => !alert.agent && !alert.name

  const title = (alert: Alert): string => {
    if (isOfMany(alert)) return t('alert.many', { n: alert.members })
    if (alert.subject === 'service') return te(`alert.service.${alert.name}`) ? t(`alert.service.${alert.name}`) : alert.name
    if (alert.subject === 'webhook') return t('alert.webhook', { name: alert.name })
    if (alert.subject === 'cordon') return t('alert.cordon', { n: alert.name })
    if (alert.subject === 'job') return t('alert.job', { name: alert.name })
    return alert.name || alert.camera || `${alert.site} / ${alert.agent}`
  }

  /** Where it is: what the title does not say already. */
  const place = (alert: Alert): string => {
    const where = [alert.site, alert.agent, alert.camera].filter((part, i, all) => part && part !== all[i - 1]).join(' / ')
    return where === title(alert) ? '' : where
  }

  /** What else is known of it, in a few words each. */
  function details(alert: Alert): string[] {
    const { direction, object, score, state, off_s, lost, ends, why, what, maintenance, covered, view, title: listed, list, entry, case_number, expected, crossings, full_in_days, temperature_c, used, figure, location, responsible, cause, of } = alert.detail
    return [
      maintenance && t('alert.maintenance', { why: maintenance }),
      typeof object === 'string' && te(`alert.object.${object}`) && `${t(`alert.object.${object}`)} ${Math.round(Number(score) * 100)} %`,
      typeof listed === 'string' && t('alert.list', { title: listed, number: case_number }),
      typeof list === 'number' && typeof entry === 'number' && t('alert.entryOfList', { list, entry }),
      direction && t(`alert.direction.${direction}`),
      state && t(`box.camera.${state}`),
      view === 'moved' && t('alert.viewMoved'),
      typeof expected === 'number' && t('alert.expected', { n: Math.round(expected) }),
      typeof crossings === 'number' && t('alert.crossings', { n: crossings }),
      typeof cause === 'string' && t(`alert.cause.${cause}`, { of }),
      what,
      location,
      responsible,
      typeof off_s === 'number' && t(off_s < 0 ? 'box.clockSlow' : 'box.clockFast', { by: span(Math.abs(off_s)) }),
      typeof full_in_days === 'number' && t('alert.fullIn', { n: full_in_days }),
      typeof used === 'number' && t('alert.used', { n: used }),
      typeof temperature_c === 'number' && `${temperature_c} °C`,
      lost && t('box.lost', { n: lost }),
      covered !== undefined && t('alert.covered', { n: covered }),
      typeof ends === 'string' && t('alert.ends', { at: shortTime(ends) }),
      SIGHT.test(alert.condition) && typeof figure === 'number' ? sightWords(alert.condition, figure) : why,
      alert.condition === 'while_away' && t('alert.away', { n: alert.members }),
      alert.late_s > 0 && t('alert.late', { by: span(alert.late_s) }),
      alert.ended_at && t('alert.ended', { at: shortTime(alert.ended_at) }),
    ].filter((part): part is string => Boolean(part))
  }

  /** How much of it there is, where that says more than the condition's name. */
  function sightWords(condition: string, figure: number): string {
    if (condition === 'sight_frozen') return t('alert.sight_frozen', { n: Math.round(figure) })
    return te(`alert.${condition}`) ? t(`alert.${condition}`, { n: Math.round(100 * figure) }) : ''
  }

  const cleared = (alert: Alert): string => {
    if (!alert.verdict && alert.cleared_by) return t('alert.seen', { by: alert.cleared_by, at: shortTime(alert.cleared_at ?? '') })
    return alert.verdict
      ? t('alert.cleared', {
          by: alert.cleared_by,
          verdict: t(`alert.verdict.${alert.verdict}`),
          at: shortTime(alert.cleared_at ?? ''),
        })
      : t('alert.over', { at: shortTime(alert.cleared_at ?? '') })
  }

  const mayHavePicture = (alert: Alert): boolean => (PICTURED.has(alert.subject) && !TROUBLES.has(alert.condition)) || SIGHT.test(alert.condition)

  return { condition, title, place, details, cleared, mayHavePicture }
}
