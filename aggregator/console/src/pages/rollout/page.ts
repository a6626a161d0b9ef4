import type { Page } from '../page'

export const page: Page = {
  path: '/rollout',
  name: 'rollout',
  component: () => import('./RolloutPage.vue'),
  place: 21,
  right: 'boxes.read',
  words: { zh: '开通进度', en: 'Roll-out' },
}
