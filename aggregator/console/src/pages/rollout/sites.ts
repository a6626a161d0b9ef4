import type { BoxRollout } from '../../api/rollout'

export interface Share {
  done: number
  of: number
}

export interface Site {
  name: string
  title: string
  boxes: BoxRollout[]
  come: Share
  right: Share
}

/** A box that was heard at least once. */
export const hasCome = (box: BoxRollout) => box.state === 'online' || box.state === 'away'

/** It does what is wanted: that configuration, as it was sent, and every planned camera gives pictures. */
export const isRight = (box: BoxRollout) =>
  box.state === 'online' &&
  (box.configuration === 'kept' || box.configuration === 'none') &&
  !box.changed.length &&
  box.cameras_seeing >= box.cameras_planned

/** 录入率: of the planned boxes, those that have come in. */
export function come(boxes: BoxRollout[]): Share {
  const planned = boxes.filter((box) => box.planned)
  return { done: planned.filter(hasCome).length, of: planned.length }
}

/** 准确率: of those that have come in, those that do what is wanted. */
export function right(boxes: BoxRollout[]): Share {
  const there = boxes.filter(hasCome)
  return { done: there.filter(isRight).length, of: there.length }
}

/** By site; those with most left to do first. */
export function sitesOf(boxes: BoxRollout[]): Site[] {
  const byName = new Map<string, BoxRollout[]>()
  for (const box of boxes) byName.set(box.site, [...(byName.get(box.site) ?? []), box])
  const sites = [...byName].map(([name, all]) => ({ name, title: all[0]?.title ?? '', boxes: all, come: come(all), right: right(all) }))
  const left = (site: Site) => site.come.of - site.come.done + site.right.of - site.right.done
  return sites.sort((a, b) => left(b) - left(a) || a.name.localeCompare(b.name))
}
