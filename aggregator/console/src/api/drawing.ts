import type { Scene } from '../../../../shared/scene_canvas/canvas.js'
import { dataUrl } from './binary'
import { call } from './client'
import type { components } from './schema'

export type CameraScene = components['schemas']['CameraScene']
export type Survey = components['schemas']['Survey']
export type Outcome = components['schemas']['SurveyOutcome']
export type Finding = components['schemas']['SurveyFinding']
export type State = components['schemas']['BoxConfigurationState']
export interface Box {
  site: string
  agent: string
}

const part = encodeURIComponent
const of = (box: Box) => `/configurations/${part(box.site)}/${part(box.agent)}`
const POLLS = { 'hawkline-polls': '1' }

/** What is watched in the picture of each camera of a box. */
export const scenes = (box: Box) => call<CameraScene[]>(`${of(box)}/scenes`)

/** Have the box make a picture, and try a scene on its last minute. */
export const ask = (box: Box, camera: string, scene: Scene | null) =>
  call<Survey>(`/boxes/${part(box.site)}/${part(box.agent)}/surveys`, { camera, scene })
export const survey = (number: number) => call<Survey>(`/surveys/${number}`, undefined, 'GET', POLLS)
export const picture = (number: number) => dataUrl(`/surveys/${number}/picture`)

/** Have the camera watch what was drawn. */
export const send = (box: Box, camera: string, scene: Scene, based_on: number, why: string, over_changes: boolean) =>
  call<unknown>(`${of(box)}/scenes/${part(camera)}`, { scene, based_on, why, over_changes }, 'PUT')

/** What the box says of it. */
export const state = async (box: Box): Promise<State | undefined> =>
  (await call<State[]>(`/configurations?site=${part(box.site)}&agent=${part(box.agent)}`, undefined, 'GET', POLLS))[0]
