import type { Page } from '../page'

export const page: Page = {
  path: '/shift',
  name: 'shift',
  component: () => import('./ShiftPage.vue'),
  place: 15,
  right: 'alerts.read',
  words: { zh: '值班', en: 'Shift' },
}
