import type { Page } from './page'

const found = import.meta.glob<{ page: Page }>('./*/page.ts', { eager: true })

/** All pages, in the order of the navigation. */
export const pages: Page[] = Object.values(found)
  .map((module) => module.page)
  .sort((a, b) => a.place - b.place)
