export type Kind = 'tripwire' | 'zone' | 'mask'
export type Point = [number, number]
/** A line, a zone or a mask, as scene files have it. */
export interface Thing {
  points: Point[]
  name?: string
  [key: string]: unknown
}
export interface Scene {
  tripwires?: Thing[]
  zones?: Thing[]
  masks?: Thing[]
  [key: string]: unknown
}
export interface Chosen {
  kind: Kind
  thing: Thing
}
export interface Heard {
  name(kind: Kind): string
  changed(): void
  unchosen(): void
}
export type Field = [key: string, options?: (string | number | boolean)[]]

export const LISTS: Record<Kind, 'tripwires' | 'zones' | 'masks'>
export const FIELDS: Record<Kind, Field[]>
export function leastPoints(kind: Kind): number
export function things(scene: Scene): Chosen[]
export function unfinished(scene: Scene): Chosen | undefined
export function shown(thing: Thing, key: string, options?: (string | number | boolean)[]): string
export function set(thing: Thing, key: string, text: string): void

export class SceneCanvas {
  constructor(canvas: HTMLCanvasElement, heard: Heard)
  readonly canvas: HTMLCanvasElement
  scene: Scene
  readonly chosen: Chosen | null
  show(src: string): Promise<void>
  take(scene: Scene): void
  choose(kind: Kind | null, thing?: Thing): void
  add(kind: Kind, name: string): void
  remove(kind: Kind, thing: Thing): void
  draw(): void
}
