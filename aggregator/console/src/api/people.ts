import { call } from './client'
import type { components } from './schema'

type Schemas = components['schemas']

export type Account = Schemas['Account']
export type Given = Schemas['Given']
export type Role = Schemas['Role']
export type Key = Schemas['Key']
export type OpenSession = Schemas['OpenSession']
export type SecondStep = Schemas['SecondStep']
export type ProposedSecondStep = Schemas['ProposedSecondStep']
export type AuditEntry = Schemas['AuditEntry']

const part = encodeURIComponent

export const accounts = () => call<Account[]>('/accounts')
export const addAccount = (name: string, title: string, password: string) =>
  call<null>('/accounts', { name, title, password })
export const setPassword = (name: string, password: string) => call<null>(`/accounts/${part(name)}/password`, { password }, 'PUT')
export const disable = (name: string) => call<null>(`/accounts/${part(name)}/disable`, {})
export const enable = (name: string) => call<null>(`/accounts/${part(name)}/enable`, {})
export const unlock = (name: string) => call<null>(`/accounts/${part(name)}/unlock`, {})
export const forgetPhone = (name: string) => call<null>(`/accounts/${part(name)}/second-step`, undefined, 'DELETE')

export const grants = () => call<Given[]>('/grants')
export const give = (account: string, role: string, place: string | null, kinds: string[] | null) =>
  call<Given>('/grants', { account, role, place, kinds })
export const confirm = (id: number) => call<Given>(`/grants/${id}/confirm`, {})
export const take = (id: number) => call<Given>(`/grants/${id}`, undefined, 'DELETE')

export const roles = () => call<Role[]>('/roles')
export const putRole = (name: string, rights: string[]) => call<null>(`/roles/${part(name)}`, { rights }, 'PUT')
export const removeRole = (name: string) => call<null>(`/roles/${part(name)}`, undefined, 'DELETE')
export const requireSecondStep = (name: string, required: boolean) =>
  call<null>(`/roles/${part(name)}/second-step`, { required }, 'PUT')

export const keys = () => call<Key[]>('/keys')
export const addKey = (name: string, roles: { role: string; place: string | null }[], days: number) =>
  call<Schemas['KeyMade']>('/keys', { name, roles, days })
export const revokeKey = (name: string) => call<null>(`/keys/${part(name)}/revoke`, {})

export const sessions = () => call<OpenSession[]>('/sessions')
export const endSession = (id: number) => call<null>(`/sessions/${id}`, undefined, 'DELETE')

export const ownSessions = () => call<OpenSession[]>('/me/sessions')
export const endOwnSession = (id: number) => call<null>(`/me/sessions/${id}`, undefined, 'DELETE')
export const changePassword = (old_password: string, password: string) =>
  call<null>('/me/password', { old_password, password }, 'PUT')
export const secondStep = () => call<SecondStep>('/me/second-step')
export const proposeSecondStep = (password: string, one_time_code: string) =>
  call<ProposedSecondStep>('/me/second-step', { password, one_time_code })
export const setUpSecondStep = (proposal: string, one_time_code: string) =>
  call<Schemas['RecoveryCodes']>('/me/second-step', { proposal, one_time_code }, 'PUT')
export const removeSecondStep = (one_time_code: string) => call<null>('/me/second-step/remove', { one_time_code })
export const makeRecoveryCodes = (one_time_code: string) =>
  call<Schemas['RecoveryCodes']>('/me/recovery-codes', { one_time_code })

export const audit = (asked: Record<string, string>) => call<AuditEntry[]>(`/audit?${new URLSearchParams(asked).toString()}`)
