import type { Page } from '../page'

export const page: Page = {
  path: '/boxes/:site/:agent/cameras/:camera/lines',
  name: 'drawing',
  component: () => import('./DrawingPage.vue'),
  place: null,
  right: 'lines.draw',
  words: { zh: '画警戒线', en: 'Draw lines' },
}
