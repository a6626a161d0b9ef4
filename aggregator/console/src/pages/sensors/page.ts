import type { Page } from '../page'

export const page: Page = {
  path: '/sensors',
  name: 'sensors',
  component: () => import('./SensorsPage.vue'),
  place: 19,
  right: 'boxes.read',
  words: { zh: '探测器', en: 'Sensors' },
}
