import type { Page } from '../page'

export const page: Page = {
  path: '/keys',
  name: 'keys',
  component: () => import('./KeysPage.vue'),
  place: 34,
  right: 'people.read',
  words: { zh: '密钥', en: 'Keys' },
}
