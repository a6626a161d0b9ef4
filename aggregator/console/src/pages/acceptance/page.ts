import type { Page } from '../page'

export const page: Page = {
  path: '/acceptance/:site?',
  name: 'acceptance',
  component: () => import('./AcceptancePage.vue'),
  place: 22,
  right: 'boxes.read',
  words: { zh: '验收', en: 'Acceptance' },
}
