import { computed, ref } from 'vue'

import * as api from './api/client'
import type { Me } from './api/types'

/** Who is signed in; null until the server has said it. */
export const me = ref<Me | null>(null)

/** Ask who is signed in. Where nobody answers the page says so already. */
export async function learnMe(): Promise<void> {
  try {
    me.value = await api.me()
  } catch {
    me.value = null
  }
}

const rights = computed(() => new Set(me.value?.rights.map((each) => each.right)))

/** Whether they may do something somewhere. Until it is known nothing is held back: the server refuses what may not be. */
export const may = (right: string): boolean => me.value === null || rights.value.has(right as never)

/** Whether they may do one of several things. */
export const mayAny = (wanted: string | string[]): boolean => [wanted].flat().some(may)
