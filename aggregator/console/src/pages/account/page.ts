import type { Page } from '../page'

export const page: Page = {
  path: '/account',
  name: 'account',
  component: () => import('./AccountPage.vue'),
  place: null,
  right: null,
  words: { zh: '我的帐号', en: 'My account' },
}
