import type { Ref } from 'vue'
import type { RouteComponent } from 'vue-router'

/** What a page's folder says of itself, in `page.ts`: the router and the navigation are made of it, without a list. */
export interface Page {
  /** Of the address, behind the hash. */
  path: string
  name: string
  /** Or what fetches it: who never opens a page does not wait for it. */
  component: RouteComponent | (() => Promise<RouteComponent>)
  /** Where it stands in the navigation: small numbers first; null: it is reached from elsewhere. */
  place: number | null
  /** What one must be allowed to do to see it, one of several perhaps; null: it is about oneself. */
  right: string | string[] | null
  /** Its name in the navigation. */
  words: { zh: string; en: string }
  /** A number beside its name, while it is not 0. */
  count?: Ref<number>
}
