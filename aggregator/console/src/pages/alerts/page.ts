import { unacknowledged } from '../../feed/state'
import type { Page } from '../page'
import AlertFeed from './AlertFeed.vue'

export const page: Page = {
  path: '/',
  name: 'alerts',
  component: AlertFeed,
  place: 10,
  right: 'alerts.read',
  words: { zh: '告警', en: 'Alerts' },
  count: unacknowledged,
}
