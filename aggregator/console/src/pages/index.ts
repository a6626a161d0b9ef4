import { defineComponent, h, shallowReactive } from 'vue'

import { broughtPages } from '../api/client'
import type { BroughtPage as Manifest } from '../api/types'
import BroughtPage from './BroughtPage.vue'
import type { Page } from './page'

const found = import.meta.glob<{ page: Page }>('./*/page.ts', { eager: true })

/** All pages, in the order of the navigation; those that other distributions bring come when the server has named them. */
export const pages: Page[] = shallowReactive(Object.values(found).map((module) => module.page))
sort()

function sort(): void {
  pages.sort((a, b) => (a.place ?? Infinity) - (b.place ?? Infinity))
}

/** Ask for the pages of other distributions. One that has a name of ours is left out. */
export async function bring(): Promise<Page[]> {
  const ours = new Set(pages.map((page) => page.name))
  const all = await broughtPages()
  for (const page of all) if (ours.has(page.name)) console.error(`page ${page.name} of another distribution: we have one of that name`)
  const brought = all.filter((page) => !ours.has(page.name)).map(ofManifest)
  pages.push(...brought)
  sort()
  return brought
}

function ofManifest({ name, words, place, right, module }: Manifest): Page {
  return {
    path: `/${name}`,
    name,
    // Not a plain function: the router would take that for one that loads a component.
    component: defineComponent({ render: () => h(BroughtPage, { module, key: name }) }),
    place,
    right,
    words: { zh: words.zh ?? name, en: words.en ?? name },
  }
}
