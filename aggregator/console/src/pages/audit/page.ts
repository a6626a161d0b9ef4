import type { Page } from '../page'

export const page: Page = {
  path: '/audit',
  name: 'audit',
  component: () => import('./AuditPage.vue'),
  place: 40,
  right: 'audit.read',
  words: { zh: '审计', en: 'Audit' },
}
