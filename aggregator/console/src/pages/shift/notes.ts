import { ref } from 'vue'

/** What is being written for the next shift, by post: it stays while one looks at an alert. */
export const notes = ref<Record<string, string>>({})
