import type { Page } from '../page'
import BoxList from './BoxList.vue'

export const page: Page = {
  path: '/boxes',
  name: 'boxes',
  component: BoxList,
  place: 20,
  right: 'boxes.read',
  words: { zh: '设备', en: 'Boxes' },
}
