import type { Page } from '../page'

export const page: Page = {
  path: '/roles',
  name: 'roles',
  component: () => import('./RolesPage.vue'),
  place: 32,
  right: 'people.read',
  words: { zh: '角色', en: 'Roles' },
}
