import { computed } from 'vue'
import { useI18n } from 'vue-i18n'

/** What pages call roles and rights. Rights hold dots, which would be paths; an installation's own roles have no words. */
export function usePeopleWords() {
  const { tm } = useI18n()
  const roles = computed(() => tm('people.roles') as Record<string, string>)
  const rights = computed(() => tm('people.rights') as Record<string, string>)
  const kinds = computed(() => tm('people.kinds') as Record<string, string>)
  const roleName = (role: string): string => roles.value[role] ?? role
  const rightName = (right: string): string => rights.value[right] ?? right
  const kindName = (kind: string): string => kinds.value[kind] ?? kind

  return { kinds, rights, kindName, roleName, rightName }
}
