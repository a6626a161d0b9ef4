import { waiting } from '../../plates/waiting'
import type { Page } from '../page'

export const page: Page = {
  path: '/lists',
  name: 'lists',
  component: () => import('./ListsPage.vue'),
  place: 18,
  right: ['lists.request', 'lists.approve', 'cordons.start'],
  words: { zh: '布控', en: 'Lists' },
  count: waiting,
}
