//! Policy and expectation, which a session and a remote session change in the same words.

macro_rules! steering {
    ($door:ty) => {
        #[wasm_bindgen]
        impl $door {
            /// Other thresholds from the next hop on, those that wait included, given as in the options; the
            /// conversation goes on. Those that are refused leave the old ones.
            #[wasm_bindgen(js_name = setPolicy)]
            pub fn set_policy(
                &mut self,
                #[wasm_bindgen(unchecked_param_type = "PolicyOptions")] policy: JsValue,
            ) -> Result<(), JsValue> {
                let solution = solved(&policy, self.inner.info())?;
                self.inner.set_policy(solution.policy)?;
                self.expected = solution.expected;
                Ok(())
            }

            /// What the user is expected to say from the next hop on: open, yesno, digits or spelling.
            pub fn expect(
                &mut self,
                #[wasm_bindgen(unchecked_param_type = "Expectation")] expectation: JsValue,
            ) -> Result<(), JsValue> {
                self.inner.expect(expectation_of(&expectation)?);
                Ok(())
            }

            /// What the user is expected to say.
            #[wasm_bindgen(unchecked_return_type = "Expectation")]
            pub fn expectation(&self) -> String {
                self.inner.expectation().name().into()
            }

            /// Thresholds in force for the user's turns.
            #[wasm_bindgen(unchecked_return_type = "Policy")]
            pub fn policy(&self) -> Result<JsValue, JsValue> {
                to_js(&self.inner.policy_of(Speaker::User))
            }

            /// What was measured of a policy that was asked for, while it is as it was solved; else undefined.
            #[wasm_bindgen(unchecked_return_type = "Figures | undefined")]
            pub fn expected(&self) -> Result<JsValue, JsValue> {
                expected_of(self.expected.as_ref(), self.inner.expectation())
            }
        }
    };
}
pub(super) use steering;
