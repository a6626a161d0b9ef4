import type { Page } from '../page'

export const page: Page = {
  path: '/sessions',
  name: 'sessions',
  component: () => import('./SessionsPage.vue'),
  place: 36,
  right: 'people.read',
  words: { zh: '登录会话', en: 'Sessions' },
}
