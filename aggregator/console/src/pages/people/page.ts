import type { Page } from '../page'

export const page: Page = {
  path: '/people',
  name: 'people',
  component: () => import('./PeoplePage.vue'),
  place: 30,
  right: 'people.read',
  words: { zh: '人员', en: 'People' },
}
