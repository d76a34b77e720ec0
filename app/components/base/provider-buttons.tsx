/** The ways to sign in: one form a provider, so that it works without a script. */
import type { ReactNode } from 'react'
import { Button } from './button'

export type ProviderName = 'github' | 'google'

export const providerTitles: Record<ProviderName, string> = { github: 'GitHub', google: 'Google' }

/** Only `providers` are offered. `returnTo` is the page that needs the account. */
export function ProviderButtons({
  providers,
  returnTo,
}: {
  providers: readonly ProviderName[]
  returnTo: string
}) {
  return (
    <div className="grid max-w-96 gap-3">
      {providers.map((provider) => (
        <form key={provider} method="post" action={`/auth/${provider}`}>
          <input type="hidden" name="returnTo" value={returnTo} />
          <Button type="submit" large className="w-full">
            {marks[provider]}
            Continue with {providerTitles[provider]}
          </Button>
        </form>
      ))}
    </div>
  )
}

const marks: Record<ProviderName, ReactNode> = {
  github: (
    <svg width="22" height="22" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path
        fill="currentColor"
        d={[
          'M8 0c4.420 0 8 3.580 8 8a8.013 8.013 0 0 1-5.450 7.590c-.4.080-.550-.170-.550-.380',
          '0-.270.010-1.130.010-2.200 0-.750-.250-1.230-.540-1.480 1.780-.2 3.650-.880 3.650-3.950',
          '0-.880-.310-1.590-.820-2.150.080-.2.360-1.020-.080-2.120 0 0-.670-.220-2.200.820',
          '-.640-.180-1.320-.270-2-.270-.680 0-1.360.090-2 .270-1.530-1.030-2.200-.820-2.200-.820',
          '-.440 1.100-.160 1.920-.080 2.120-.510.560-.820 1.280-.820 2.150 0 3.060 1.860 3.750',
          '3.640 3.950-.230.2-.440.550-.510 1.070-.460.210-1.610.550-2.330-.660-.150-.240-.6-.830',
          '-1.230-.820-.670.010-.270.380.010.530.340.190.730.9.820 1.130.160.450.680 1.310 2.690.940',
          '0 .670.010 1.300.010 1.490 0 .210-.150.450-.550.380A7.995 7.995 0 0 1 0 8',
          'c0-4.420 3.580-8 8-8Z',
        ].join(' ')}
      />
    </svg>
  ),
  google: (
    <svg width="22" height="22" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path
        fill="#4285f4"
        d={
          'M22.560 12.250c0-.780-.070-1.530-.2-2.250H12v4.260h5.920a5 5 0 0 1-2.210 3.310' +
          'v2.770h3.570c2.080-1.920 3.280-4.740 3.280-8.090z'
        }
      />
      <path
        fill="#34a853"
        d={
          'M12 23c2.970 0 5.460-.980 7.280-2.660l-3.570-2.770c-.980.660-2.230 1.060-3.710 1.060' +
          '-2.860 0-5.290-1.930-6.160-4.530H2.180v2.840C3.990 20.530 7.700 23 12 23z'
        }
      />
      <path
        fill="#fbbc05"
        d="M5.840 14.090a6.600 6.600 0 0 1 0-4.180V7.070H2.180a11 11 0 0 0 0 9.860l2.850-2.220.810-.620z"
      />
      <path
        fill="#ea4335"
        d={
          'M12 5.380c1.620 0 3.060.560 4.210 1.640l3.150-3.150C17.450 2.090 14.970 1 12 1 7.700 1 3.990 3.470' +
          ' 2.180 7.070l3.660 2.840c.870-2.600 3.300-4.530 6.160-4.530z'
        }
      />
    </svg>
  ),
}
