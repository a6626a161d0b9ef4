import type { Component, Ref } from 'vue'

/** What a page's folder says of itself, in `page.ts`: the router and the navigation are made of it, without a list. */
export interface Page {
  /** Of the address, behind the hash. */
  path: string
  name: string
  component: Component
  /** Where it stands in the navigation: small numbers first. */
  place: number
  /** What one must be allowed to do to see it. */
  right: string
  /** Its name in the navigation. */
  words: { zh: string; en: string }
  /** A number beside its name, while it is not 0. */
  count?: Ref<number>
}
